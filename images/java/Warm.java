import java.util.*;
import java.util.stream.*;

public class Warm {
    record Point(int x, int y) {}

    public static void main(String[] args) {
        var scanner = new Scanner("1 2\n");
        var points = Stream.of(scanner.nextInt(), scanner.nextInt())
            .map(number -> new Point(number, number)).collect(Collectors.toList());
        var map = new HashMap<String, Point>();
        points.forEach(point -> map.put("" + point, point));
        System.out.println(String.format("%d %s", points.size(), map));
    }
}
