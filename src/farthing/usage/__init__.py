"""Usage exports of other services, read into one kind of record: what a file is and what its rows say.

Pure: text in, records and bad rows out. Opening files is the command line's, what the tokens would have cost
elsewhere is `spend/audit.py`'s.
"""
