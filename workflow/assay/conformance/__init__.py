"""The laws that any potential obeys, as a chapter: how far each potential deviates from each of them."""
