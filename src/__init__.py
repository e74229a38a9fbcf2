"""pluralens: how language models treat people, measured as inspect-ai tasks."""
