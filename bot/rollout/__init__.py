"""What is told to schools as the ENT is rolled out: announcements today, waves later."""
