"""`yuqing demo`: a made-up organisation's day in a minute, through the same parts as the service."""
