"""One conformance list for every agent program, real or not: its rows, its columns, and the table of what came out."""
