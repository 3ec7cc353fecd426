parse pull line
say line
