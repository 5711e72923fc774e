"""What every part of the system stands on; imports nothing of ours."""
