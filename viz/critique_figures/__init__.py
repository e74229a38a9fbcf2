"""The figures of the PERSONA tasks: each module has a `table` and a `figure` of that table."""
