println "${System.getProperty('user.name')} ${System.getProperty('user.home')}"
