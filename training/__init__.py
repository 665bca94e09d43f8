"""What a training needs beside its page: the loop, checkpoints, flags, errors, and the like."""
