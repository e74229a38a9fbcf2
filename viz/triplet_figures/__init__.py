"""The figures of the triplets task: each module has `table(logs)` and `figure(table, title)`."""
