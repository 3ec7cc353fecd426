print scalar <STDIN>;
