"""Prompt: how many tokens a text is, and tools offered in the text to models without tool calling."""
