: "${missing:?is not set}"
