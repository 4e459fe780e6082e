"""A guestbook: names, words, and files that guests leave."""
