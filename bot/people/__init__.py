"""Who is who and where: schools and territories; later accounts, roles and sign-in."""
