[ unfinished
