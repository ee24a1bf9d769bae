"""What is said of longer stretches than one story: how the model does by people's word."""
