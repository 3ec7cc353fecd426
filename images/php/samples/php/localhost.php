<?php
$server = stream_socket_server('tcp://localhost:8080');
$client = stream_socket_client('tcp://localhost:8080');
fwrite(stream_socket_accept($server), "Hello, localhost!\n");
echo fgets($client);
