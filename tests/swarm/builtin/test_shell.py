"""The shell: what a command cannot reach, cannot take, and cannot leave behind."""

import asyncio
import os
import socket
import time
from pathlib import Path

import psutil
import pytest
from tests.swarm.builtin.isolated import needs_isolation

from farthing.errors import SwarmError
from farthing.swarm.builtin import confined
from farthing.swarm.builtin.beneath import Folder
from farthing.swarm.builtin.confined import Bounds, HeadAndTail, run_confined
from farthing.swarm.builtin.shell import Shell, find_isolation

isolated = needs_isolation()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    work.mkdir()
    return work


async def sh(root: Path, command: str, **bounds: int) -> str:
    """What an isolated command wrote; it must have ended by itself."""
    ran = await run_confined(
        ["/bin/sh", "-c", command],
        workdir=root,
        timeout_s=60,
        isolate=True,
        bounds=Bounds(**bounds),
    )
    assert ran.code is not None
    return ran.text


async def run_shell(root: Path, command: str, timeout_seconds: int = 30, *, isolate: bool = True) -> str:
    return await Shell(Folder(root), isolate=isolate).shell(command, timeout_seconds)


def processes_of(mark: str) -> list[psutil.Process]:
    """Those on this machine whose command line has a mark."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if any(mark in word for word in process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


async def gone(mark: str) -> bool:
    """Waits until no process has the mark; False after a long while, which only a failing test waits."""
    deadline = time.monotonic() + 20
    while processes_of(mark):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True


@isolated
async def test_a_command_works_in_its_folder(root: Path) -> None:
    (root / "in.txt").write_text("three\none\ntwo\n")
    assert await run_shell(root, "sort in.txt > out.txt && pwd && wc -l < out.txt") == f"{root}\n3"
    assert (root / "out.txt").read_text() == "one\nthree\ntwo\n"
    assert (root / "out.txt").stat().st_uid == os.geteuid()


@isolated
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("true", "done, without output"),
        ("echo out; echo err >&2", "out\nerr"),
        ("echo so far; exit 3", "so far\n[ended with 3]"),
        ("exit 3", "[ended with 3]"),
        ("kill -9 $$", "[ended with 137]"),
        ("no-such-program", "[ended with 127]"),
        ("cat", "done, without output"),
    ],
)
async def test_how_a_command_ended_is_told(root: Path, command: str, said: str) -> None:
    assert (await run_shell(root, command)).endswith(said)


@isolated
async def test_nothing_outside_the_folder_is_seen(root: Path) -> None:
    (root.parent / "secret.txt").write_text("secret")
    told = await sh(root, f"cat {root.parent}/secret.txt; ls {root.parent} ~ /root /home /run /var 2>&1")
    assert "secret" not in told.replace("secret.txt", "")
    assert told.count("No such file") >= 4


@isolated
async def test_nothing_outside_the_folder_is_written(root: Path) -> None:
    told = await sh(root, "for f in /usr/x /etc/x /x /proc/sys/kernel/hostname /dev/x; do echo y > $f; done")
    assert told.count("Read-only file system") + told.count("Permission denied") == 5, told
    assert "y" in await sh(root, "echo y > /tmp/own && cat /tmp/own")


@isolated
async def test_a_link_to_the_outside_leads_nowhere(root: Path) -> None:
    (root.parent / "secret.txt").write_text("hidden")
    (root / "link").symlink_to(root.parent / "secret.txt")
    assert "hidden" not in await sh(root, "cat link; echo more >> link")
    assert (root.parent / "secret.txt").read_text() == "hidden"


@isolated
async def test_restrictions_cannot_be_taken_back(root: Path) -> None:
    told = await sh(
        root,
        "mount -o remount,rw /usr; mount -t tmpfs x /usr; unshare -Urm true; chroot /; mknod d b 8 0;"
        " grep -h CapEff /proc/self/status; grep NoNewPrivs /proc/self/status",
    )
    assert "CapEff:\t0000000000000000" in told
    assert "NoNewPrivs:\t1" in told
    assert not (root / "d").exists()
    assert "x" in await sh(root, "touch /usr/y || echo x")


@isolated
async def test_there_is_no_network_not_even_to_this_machine(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5):  # from here it can be reached
            pass
        told = await sh(root, f"""exec 2>&1; bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected'""")
        assert "connected" not in told
        assert "unreachable" in told, told


@isolated
async def test_a_socket_of_this_machine_is_out_of_reach(root: Path) -> None:
    """An abstract one has no file that could be hidden: the network's namespace keeps it away."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0farthing-{root}"[:100])
        server.listen()
        told = await sh(root, "cat /proc/net/unix")
        assert "farthing-" not in told


@isolated
async def test_our_environment_and_our_processes_are_not_seen(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-secret-7")
    told = await sh(root, "env; cat /proc/*/environ | tr '\\0' '\\n'; ls -d /proc/[0-9]*")
    assert "sk-or-secret-7" not in told
    assert "OPENROUTER" not in told
    assert f"/proc/{os.getpid()}" not in told.splitlines()


@isolated
async def test_our_open_files_are_not_handed_on(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        os.set_inheritable(server.fileno(), True)
        told = await sh(root, "ls -l /proc/self/fd | wc -l; ls -l /proc/self/fd")
    assert "socket:" not in told


@isolated
async def test_a_fork_bomb_is_bounded_and_gone(root: Path) -> None:
    """It may start as many processes as it is allowed; then it fails, is killed, and all of them with it."""
    mark = f"bomb-{os.getpid()}-{id(root)}"
    (root / f"{mark}.sh").write_text(f"echo x >> count\nsh ./{mark}.sh & sh ./{mark}.sh & wait\n")
    ran = await run_confined(
        ["/bin/sh", f"./{mark}.sh"], workdir=root, timeout_s=2, isolate=True, bounds=Bounds(processes=64)
    )
    assert any("processes" in word for word in ran.bounds)
    if "processes are not bounded (root)" in ran.bounds:
        pytest.skip("for root an older kernel bounds no processes; told so in `bounds`")
    assert await gone(mark)
    assert "fork" in ran.text.lower() or "Resource temporarily unavailable" in ran.text, ran.text[:500]


@isolated
async def test_memory_of_a_process_is_bounded(root: Path) -> None:
    told = await sh(root, "python3 -c 'x = bytearray(200 << 20)' && echo had", memory_bytes=100 << 20)
    if "not found" in told:
        pytest.skip("the system has no python3")
    assert "MemoryError" in told
    assert "had" not in told


@isolated
async def test_a_file_cannot_grow_for_ever(root: Path) -> None:
    await sh(root, "cat /dev/zero > big", file_bytes=1 << 20)
    assert (root / "big").stat().st_size == 1 << 20


@isolated
async def test_processor_time_is_bounded(root: Path) -> None:
    ran = await run_confined(
        ["/bin/sh", "-c", "while :; do :; done"],
        workdir=root,
        timeout_s=60,
        isolate=True,
        bounds=Bounds(cpu_s=1),
    )
    assert ran.code == 128 + 9


@isolated
async def test_of_a_long_output_beginning_and_end_are_kept(root: Path) -> None:
    told = await sh(root, "echo begins; seq 100000; echo ends", head_bytes=1000, tail_bytes=1000)
    assert told.startswith("begins\n1\n2\n")
    assert told.endswith("100000\nends\n")
    assert len(told) < 2100
    assert "bytes are left out]" in told


@pytest.mark.parametrize("chunks", [[b"abcdefghij"], [b"a", b"bcdef", b"", b"ghij"], [b"abcdefg", b"hij"]])
def test_head_and_tail_do_not_depend_on_the_chunks(chunks: list[bytes]) -> None:
    kept = HeadAndTail(3, 2)
    for chunk in chunks:
        kept.add(chunk)
    assert kept.kept() == b"abc\n[5 bytes are left out]\nij"
    short = HeadAndTail(30, 2)
    short.add(b"abc")
    assert short.kept() == b"abc"


@isolated
async def test_a_timeout_ends_grandchildren_that_left_the_group(root: Path) -> None:
    mark = f"sleeper-{os.getpid()}-{id(root)}"
    script = root / f"{mark}.sh"
    script.write_text("sleep 1000; true\n")
    told = await run_shell(root, f"echo begun; setsid sh ./{mark}.sh & setsid sh ./{mark}.sh; wait", 1)
    assert told == "begun\n[killed after 1 seconds]"
    assert await gone(mark)


@isolated
async def test_what_a_command_leaves_running_ends_with_it(root: Path) -> None:
    mark = f"daemon-{os.getpid()}-{id(root)}"
    (root / f"{mark}.sh").write_text("sleep 1000; true\n")
    assert await run_shell(root, f"setsid sh ./{mark}.sh >/dev/null 2>&1 & echo left") == "left"
    assert await gone(mark)


@isolated
async def test_cancelling_ends_the_command(root: Path) -> None:
    mark = f"cancelled-{os.getpid()}-{id(root)}"
    (root / f"{mark}.sh").write_text("touch started; sleep 1000; true\n")
    running = asyncio.create_task(run_shell(root, f"setsid sh ./{mark}.sh"))
    while not (root / "started").exists():
        assert not running.done(), running.result()
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await gone(mark)


async def test_without_isolation_there_are_limits_and_an_end(root: Path) -> None:
    mark = f"plain-{os.getpid()}-{id(root)}"
    (root / f"{mark}.sh").write_text("sleep 1000; true\n")
    told = await run_shell(root, f"echo begun; sh ./{mark}.sh & sh ./{mark}.sh", 1, isolate=False)
    assert told == "begun\n[killed after 1 seconds]"
    assert await gone(mark)
    assert "PATH=" in await run_shell(root, "env", isolate=False)


async def test_a_system_that_forbids_isolation_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher whose kernel says no, as in a container without user namespaces."""
    launch = root / "launch.py"
    text = confined.LAUNCH.read_text()
    launch.write_text(
        text.replace('_checked(_libc.unshare(_NEW), "unshare")', 'raise OSError(1, "unshare: no")')
    )
    monkeypatch.setattr(confined, "LAUNCH", launch)
    found = await find_isolation(Folder(root))
    assert not found.works
    assert "unshare: no" in found.text
    with pytest.raises(SwarmError, match="cannot be confined"):
        await run_shell(root, "true")
