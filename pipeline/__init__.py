"""Making the book: execution, rendering and the gates that a rendered book must pass."""
