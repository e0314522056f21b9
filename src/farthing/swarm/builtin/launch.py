"""The program in front of a confined command: it gives up what the command may not have, then starts it.

Run as a script by `confined.py`, in a process of its own; imports nothing but the standard library. With
`isolate` the command gets, by Linux namespaces: a file system of the system's programs, read-only, without
home, `/run` and most of `/etc`; its folder, which alone can be written beside a small `/tmp`; no network, not
even loopback; processes of its own, which all end with it; no capability and no way to regain one. What it
learns is told on a pipe before the command starts: `{"bounds": […]}`, or `{"failed": "…"}`.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import NoReturn, TypedDict

_NEW = 0x00020000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
"""Mounts, host name, IPC, users, processes, network."""
_BIND, _REC, _PRIVATE, _NOSUID, _NODEV, _NOEXEC = 4096, 16384, 1 << 18, 2, 4, 8
_DETACH = 2
_MOUNT_SETATTR, _AT_RECURSIVE, _AT_FDCWD = 442, 0x8000, -100
_PR_DEATHSIG, _PR_CAPBSET_DROP, _PR_NO_NEW_PRIVS = 1, 24, 38
_OLD = "/.farthing-old"
_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "opt", "nix/store", "gnu/store")
_ETC = (
    *("alternatives", "passwd", "group", "nsswitch.conf", "ld.so.cache", "ld.so.conf", "ld.so.conf.d"),
    *("localtime", "mime.types", "protocols", "services", "terminfo", "fonts", "ca-certificates"),
    *("ssl/certs", "ssl/openssl.cnf", "pki/tls/certs", "perl", "python3", "python3.11", "python3.12"),
)
_DEVICES = ("null", "zero", "full", "random", "urandom")
_BOUNDED_PIDS_SINCE = (6, 14)
"""From this kernel on a process namespace has its own `pid_max`. Before, writing it would be the host's."""
_LEAST_PID_MAX = 301

_libc = ctypes.CDLL(None, use_errno=True)


class Asked(TypedDict):
    """What `confined.py` asks for, as JSON on the command line. Sizes are bytes, times seconds."""

    argv: list[str]
    workdir: str
    isolate: bool
    status_fd: int
    cpu_s: int
    memory_bytes: int
    file_bytes: int
    processes: int


def _checked(returned: int, what: str) -> None:
    if returned != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    arguments = [part.encode() for part in (source, target, kind)]
    _checked(_libc.mount(*arguments, ctypes.c_ulong(flags), data.encode()), f"mount {target}")


def _restrict(path: str, *, read_only: bool, recursive: bool, devices: bool = False) -> None:
    """Restricts what is mounted at `path`: never setuid, and read-only or without devices where asked."""
    attributes = _NOSUID | (1 if read_only else 0) | (0 if devices else _NODEV)
    asked = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    done = _libc.syscall(
        _MOUNT_SETATTR, _AT_FDCWD, path.encode(), flags, asked, ctypes.c_size_t(ctypes.sizeof(asked))
    )
    _checked(done, f"mount_setattr {path}")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _unshare() -> None:
    uid, gid = os.geteuid(), os.getegid()
    _checked(_libc.unshare(_NEW), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")


def _show(relative: str) -> None:
    """Makes a file or folder of the old root visible at its own place, read-only."""
    old, new = f"{_OLD}/{relative}", f"/{relative}"
    if os.path.islink(old):
        os.symlink(os.readlink(old), new)
        return
    if not os.path.exists(old):
        return
    if os.path.isdir(old):
        os.makedirs(new, exist_ok=True)
    else:
        os.close(os.open(new, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(old, new, "", _BIND | _REC)
    _restrict(new, read_only=True, recursive=True)


def _confine_files(workdir: str) -> None:
    """A new root in place of the old one."""
    _mount("none", "/", "", _REC | _PRIVATE)
    _mount("tmpfs", "/tmp", "tmpfs", _NOSUID | _NODEV, "size=1m,mode=755")
    os.mkdir(f"/tmp{_OLD}")
    # The new root was mounted over /tmp, and leaves with it: below the old root, /tmp is what it was.
    _checked(_libc.pivot_root(b"/tmp", f"/tmp{_OLD}".encode()), "pivot_root")
    os.chdir("/")
    for name in ("etc", "etc/ssl", "etc/pki", "etc/pki/tls", "nix", "gnu", "dev", "proc", "tmp"):
        os.mkdir(f"/{name}")
    for relative in (*_SYSTEM, *(f"etc/{name}" for name in _ETC)):
        _show(relative)
    for name in _DEVICES:
        os.close(os.open(f"/dev/{name}", os.O_CREAT | os.O_WRONLY))
        _mount(f"{_OLD}/dev/{name}", f"/dev/{name}", "", _BIND)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"/dev/{name}")
    os.symlink("/proc/self/fd", "/dev/fd")
    os.mkdir("/dev/shm")
    for place, size in (("/tmp", "256m"), ("/dev/shm", "64m")):
        _mount("tmpfs", place, "tmpfs", _NOSUID | _NODEV, f"size={size},mode=1777")
    os.makedirs(workdir, exist_ok=True)
    _mount(f"{_OLD}{workdir}", workdir, "", _BIND | _REC)
    _restrict(workdir, read_only=False, recursive=True)


def _bound_processes(processes: int) -> list[str]:
    """Mounts /proc, where the kernel lets us, and bounds how many processes there may be."""
    told: list[str] = []
    try:
        _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    except OSError:  # a container that hides parts of its own /proc may not have a new one
        return ["without /proc", *_by_user(processes)]
    _write("/proc/sys/user/max_user_namespaces", "0")
    release = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
    if release >= _BOUNDED_PIDS_SINCE:
        _write("/proc/sys/kernel/pid_max", str(max(_LEAST_PID_MAX, processes)))
        told.append(f"at most {max(_LEAST_PID_MAX, processes)} processes")
    else:
        told += _by_user(processes)
    # A process of root's would otherwise reach the settings of the whole machine here.
    _restrict("/proc", read_only=True, recursive=True)
    return told


def _by_user(processes: int) -> list[str]:
    return ["processes are not bounded (root)"] if os.geteuid() == 0 else [f"at most {processes} processes"]


def _forget_old_root() -> None:
    _checked(_libc.umount2(_OLD.encode(), _DETACH), "umount")
    os.rmdir(_OLD)
    _restrict("/", read_only=True, recursive=False)


def _drop_capabilities() -> None:
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    version = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _checked(_libc.capset(version, nothing), "capset")


def _limit(asked: Asked, *, processes: bool) -> None:
    pairs = [
        (resource.RLIMIT_CPU, asked["cpu_s"]),
        (resource.RLIMIT_DATA, asked["memory_bytes"]),
        (resource.RLIMIT_FSIZE, asked["file_bytes"]),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_CORE, 0),
        *([(resource.RLIMIT_NPROC, asked["processes"])] if processes else []),
    ]
    for limit, most in pairs:
        hard = resource.getrlimit(limit)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (value, value))


def _told(asked: Asked, message: dict[str, object]) -> None:
    os.write(asked["status_fd"], json.dumps(message).encode())


def _start(asked: Asked, bounds: list[str]) -> NoReturn:
    """Becomes the command."""
    _limit(asked, processes=asked["isolate"])
    if asked["isolate"]:
        _drop_capabilities()
    if sys.platform == "linux":
        _libc.prctl(_PR_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.chdir(asked["workdir"])
    _told(asked, {"bounds": bounds})
    os.set_inheritable(asked["status_fd"], False)
    try:
        os.execvp(asked["argv"][0], asked["argv"])  # noqa: S606 - this is what the file is for
    except OSError as error:
        sys.stderr.write(f"{asked['argv'][0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(127)


def _inside(asked: Asked) -> NoReturn:
    """The first process inside: confines itself, starts the command, and takes all with it when it ends."""
    bounds: list[str] = []
    if asked["isolate"]:
        _libc.prctl(_PR_DEATHSIG, signal.SIGKILL, 0, 0, 0)
        _confine_files(asked["workdir"])
        bounds = _bound_processes(asked["processes"])
        _forget_old_root()
    child = os.fork()
    if child == 0:
        _guarded(asked, lambda: _start(asked, bounds))
    os.close(asked["status_fd"])
    while True:
        pid, status = os.wait()  # the first process of a namespace inherits orphans
        if pid == child:
            os._exit(_code(status))


def _code(status: int) -> int:
    ended = os.waitstatus_to_exitcode(status)
    return ended if ended >= 0 else 128 - ended


def _guarded(asked: Asked, work: Callable[[], NoReturn]) -> NoReturn:
    try:
        work()
    except (OSError, AttributeError, ValueError) as error:
        _told(asked, {"failed": f"{error}"})
        os._exit(125)


def main() -> None:
    """Starts what the command line asks for, and ends as it ended; 125: it could not be confined."""
    asked: Asked = json.loads(sys.argv[1])
    if sys.platform == "linux":
        _libc.prctl(_PR_DEATHSIG, signal.SIGKILL, 0, 0, 0)
    if asked["isolate"]:
        try:
            _unshare()
        except (OSError, AttributeError) as error:
            _told(asked, {"failed": f"{error}"})
            os._exit(125)
    first = os.fork()
    if first == 0:
        _guarded(asked, lambda: _inside(asked))
    os.close(asked["status_fd"])
    _, status = os.waitpid(first, 0)
    os._exit(_code(status))


if __name__ == "__main__":
    main()
