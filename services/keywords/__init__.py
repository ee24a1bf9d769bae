"""What staff do with keyword rules: try them, compare them, find new ones, take them to a spreadsheet and back."""
