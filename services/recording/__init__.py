"""What is decided again: recordings, cases and archives, and what replays, tries and scores them anew."""
