echo "$(whoami)" ~user
