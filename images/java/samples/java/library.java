import java.math.BigInteger;
import java.sql.Timestamp;
import java.time.ZoneId;
import java.util.logging.Logger;
import java.util.stream.IntStream;

public class Main {
    public static void main(String[] arguments) {
        ZoneId.of("Europe/Berlin");
        Logger.getLogger("x").fine(new Timestamp(0).toString());
        System.out.println(BigInteger.valueOf(IntStream.rangeClosed(1, 3).reduce(1, (a, b) -> a * b) * 7));
    }
}
