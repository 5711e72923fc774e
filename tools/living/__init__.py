"""Projects that live: spawned, grown, edited, updated and killed, to see what the four commands really promise."""
