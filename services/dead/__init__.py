"""What cannot be processed: found among what can, put aside with its reason, looked at and tried again."""
