"""The figures of the persona Likert task: each module has `table(log)` and `figure(table, ...)`."""
