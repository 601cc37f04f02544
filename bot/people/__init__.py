"""Who is who and where: schools and territories, accounts, roles, sign-in and the audit log."""
