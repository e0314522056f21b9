"""Farthing for others' agents: an MCP server, a model of Pydantic AI, a model of the OpenAI Agents SDK."""
