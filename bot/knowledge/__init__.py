"""Articles, their versions, the variables that fill them, and the search over them."""
