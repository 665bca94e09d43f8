"""What the tutorials' scripts share."""
