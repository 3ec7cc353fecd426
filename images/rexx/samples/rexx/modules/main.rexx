call "helper.rexx"
say result
