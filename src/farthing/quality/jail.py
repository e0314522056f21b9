"""Runs a check's pattern or expression over an answer in a process of its own.

The child is an isolated interpreter with an empty environment in an empty folder, limits on its CPU time,
memory and files, and a hook that refuses files, sockets, processes, imports and the operating system. It is
killed after some seconds. This stops accidents and simple malice: endless loops, huge values, reading keys,
calling out. It is no prison for an attacker who knows the interpreter: run only check files that you trust as
you trust a test.
"""

import asyncio
import json
import sys
import tempfile

from farthing.quality.expectations import Check, Verdict

_DEADLINE_S = 5.0

_CHILD = """
import builtins, json, math, re, resource, sys
asked = json.load(sys.stdin)
answer, kind, given = asked["answer"], asked["kind"], asked["given"]
try:
    data = json.loads(answer)
except ValueError:
    data = None
code = compile(given, "check", "eval") if kind == "python" else re.compile(given)
for limit, most in ((resource.RLIMIT_CPU, 2), (resource.RLIMIT_AS, 1 << 29), (resource.RLIMIT_FSIZE, 0),
                    (resource.RLIMIT_CORE, 0)):
    resource.setrlimit(limit, (most, most))
names = "abs all any bool dict enumerate filter float int isinstance len list map max min range repr reversed"
names += " round set sorted str sum tuple zip True False None"
safe = {name: getattr(builtins, name) for name in names.split() if hasattr(builtins, name)}
allowed = ("compile", "exec", "object.", "sys._getframe")
def hook(event, _):
    if not event.startswith(allowed):
        raise PermissionError(f"{event} is refused")
sys.addaudithook(hook)
try:
    if kind == "python":
        scope = {"__builtins__": safe, "answer": answer, "data": data, "re": re, "json": json, "math": math}
        passed, reason = bool(eval(code, scope)), ""
    else:
        passed, reason = code.search(answer) is not None, ""
except BaseException as error:
    passed, reason = False, f"{type(error).__name__}: {error}"[:300]
sys.stdout.write(json.dumps({"passed": passed, "reason": reason}))
"""


async def run_check(check: Check, answer: str, *, deadline_s: float = _DEADLINE_S) -> Verdict:
    """The verdict of a `regex` or `python` check; what fails or takes too long has not passed."""
    asked = json.dumps({"kind": check.kind, "given": check.given, "answer": answer}).encode()
    with tempfile.TemporaryDirectory() as folder:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-c", _CHILD),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=folder,
            env={},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(deadline_s):
                said, _ = await child.communicate(asked)
        except TimeoutError:
            return Verdict(kind=check.kind, passed=False, reason=f"took more than {deadline_s:g} s")
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    try:
        told = json.loads(said)
    except ValueError:
        return Verdict(kind=check.kind, passed=False, reason="its process was ended: too much time or memory")
    missed = "is false" if check.kind == "python" else "not found"
    reason = told["reason"] or ("" if told["passed"] else missed)
    return Verdict(kind=check.kind, passed=told["passed"], reason=reason)
