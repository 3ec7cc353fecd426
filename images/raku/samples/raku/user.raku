say "$*USER $*HOME";
