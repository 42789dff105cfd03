"""Parts of `scripts/bench`, each on a subject of its own."""
