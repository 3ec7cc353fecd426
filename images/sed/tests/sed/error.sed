s/unfinished
