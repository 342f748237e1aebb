import java.nio.file.Path;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;

/** Runs a Neo4j server from its libraries until the process is told to end. Arguments: home folder, configuration file. */
public class Launch {
  public static void main(String[] arguments) throws Exception {
    var server = new DatabaseManagementServiceBuilder(Path.of(arguments[0]))
        .loadPropertiesFromFile(Path.of(arguments[1]))
        .build();
    Runtime.getRuntime().addShutdownHook(new Thread(server::shutdown));
    System.out.println("serving");
    Thread.currentThread().join();
  }
}
