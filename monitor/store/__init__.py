"""What was decided and what it was decided from, in one database: schema, units of work, one repository a noun."""
