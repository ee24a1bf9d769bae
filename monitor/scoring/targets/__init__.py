"""Of whom it is said: rules over any sentiment model that turn its word where a text speaks of several, denies, reports, or mocks."""
