"""What one mention says: folding, keyword rules, segmentation, sentiment and emotion, put together by the Scorer. Pure."""
