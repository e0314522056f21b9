"""Small programs with something to say about each, and what is asked of them. Data only, written by us.

`<noun>`, `<Noun>`, `<verb>` and `<number>` are put in.
"""

PROGRAMS: tuple[str, ...] = (
    '''\
def <verb>_<noun>s(rows, limit=<number>):
    """The first <noun>s of each owner, newest first."""
    found = {}
    for row in sorted(rows, key=lambda r: r["at"], reverse=True):
        owner = row["owner"]
        if owner not in found:
            found[owner] = []
        if len(found[owner]) <= limit:
            found[owner].append(row)
    return found
''',
    """\
import sqlite3


class <Noun>Store:
    def __init__(self, path):
        self.db = sqlite3.connect(path)

    def <verb>(self, key):
        # please note: the key comes from a form
        cursor = self.db.execute(f"SELECT value FROM <noun> WHERE key = '{key}'")
        return cursor.fetchone()[0]
""",
    '''\
def <verb>(<noun>, seen=[]):
    """Every <noun> once, in the order they came."""
    if <noun> not in seen:
        seen.append(<noun>)
    return seen[-<number>:]
''',
    '''\
from datetime import datetime


def is_due(<noun>, days=<number>):
    """Whether the <noun> is older than so many days."""
    age = datetime.now() - <noun>.created
    return age.days > days


def <verb>_due(all_<noun>s):
    return [n for n in all_<noun>s if is_due(n)]
''',
    """\
import threading

_lock = threading.Lock()
_count = 0


def <verb>_<noun>(amount):
    global _count
    if _count + amount > <number>00:
        return False
    with _lock:
        _count += amount
    return True
""",
    '''\
def <verb>_tree(node, depth=0):
    """Lines that show the <noun> and what is below it."""
    lines = ["  " * depth + str(node.name)]
    for child in node.children:
        lines += <verb>_tree(child, depth + 1)
    return "\\n".join(lines)
''',
)

ASKED: tuple[str, ...] = (
    "Review this for mistakes that a user would meet, the worst first.",
    "Write tests for this function, the edge cases among them.",
    "Something is wrong when there are more than <number> of them. Find it and mend it.",
    "Rewrite this so that it can be called from two threads, and say what you changed.",
    "Add type annotations, and refuse bad input with an error that names the value.",
    "Make this at least twice as fast for a million <noun>s without changing what it returns.",
    "Explain what this does for somebody who reads it for the first time, then simplify it.",
)

TRACEBACK = '  File "/srv/app/{noun}s.py", line {line}, in {verb}\n    return self._next({noun}, depth)\n'
