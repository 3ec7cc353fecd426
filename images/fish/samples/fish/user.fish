echo (whoami) ~user
