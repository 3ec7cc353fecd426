<?php
echo "Größe 日本\n";
echo fgets(STDIN);
