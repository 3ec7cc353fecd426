fail broken
