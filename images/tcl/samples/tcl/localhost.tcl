proc serve {channel address port} {
    puts $channel "Hello, localhost!"
    close $channel
}

proc show {client} {
    puts [gets $client]
    exit
}

socket -server serve 8080
set client [socket localhost 8080]
fileevent $client readable [list show $client]
vwait forever
