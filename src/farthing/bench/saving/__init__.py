"""The parts of `farthing bench cost`: levers, runs, what is judged of them, and how sure a saving is."""
