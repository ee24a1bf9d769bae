"""Data only: keyword libraries, lexicons, folding tables, example subjects. A package so that it is shipped with the code."""
