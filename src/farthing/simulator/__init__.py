"""An OpenRouter on loopback, for the demo, the tests and the benchmarks.

It speaks OpenRouter's wire format and bills from the raw price strings with arithmetic of its own, so that
an agreement between its bill and the ledger means something. It must not import catalog.pricing, spend or
upstream. Everything it answers says that it is simulated.
"""
