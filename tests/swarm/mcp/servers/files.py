"""A filesystem server on the official SDK, for one folder: `files.py FOLDER`."""

import sys
from pathlib import Path

from mcp.server import MCPServer
from mcp.types import ToolAnnotations

READS = ToolAnnotations(read_only_hint=True)
WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True)


def main(root: Path) -> None:
    server = MCPServer("files", version="1.0.0")

    def inside(path: str) -> Path:
        found = (root / path).resolve()
        if not found.is_relative_to(root):
            raise ValueError(f"{path} is outside of the folder")
        return found

    def list_directory(path: str = ".") -> str:
        """Lists a folder: one entry a line, folders end in a slash."""
        entries = sorted(inside(path).iterdir())
        return "\n".join(f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries)

    def read_text_file(path: str) -> str:
        """Reads a file."""
        return inside(path).read_text(encoding="utf-8")

    def write_file(path: str, content: str) -> str:
        """Writes a file, anew or over the old one."""
        inside(path).write_text(content, encoding="utf-8")
        return f"wrote {len(content)} characters to {path}"

    server.tool(annotations=READS)(list_directory)
    server.tool(annotations=READS)(read_text_file)
    server.tool(annotations=WRITES)(write_file)
    server.run()


main(Path(sys.argv[1]).resolve())
