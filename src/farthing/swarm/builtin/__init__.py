"""Tools of Farthing's own, for capabilities that no MCP server serves: files, git, shell and search.

All keep to one folder, the workdir. What comes from the network is no business of theirs.
"""
