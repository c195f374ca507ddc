"""What a campaign found, for people and for machines. Reads the campaign's directory only, never its workers."""
