"""A table as an experienced analyst looks at it before anything is fitted: what is odd, and what that means."""
