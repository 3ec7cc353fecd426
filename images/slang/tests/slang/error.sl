throw RunTimeError, "broken";
